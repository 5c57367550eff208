module numahash/bench/syncmap

go 1.19
