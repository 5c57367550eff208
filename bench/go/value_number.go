//go:build !b16x64 && !b20x273

// value_number.go - values that are a uint64

package main

type buffer = uint64

// box makes what the map keeps of the caller's buffer; unbox copies it out.
func box(b *buffer) interface{} { return *b }

func unbox(v interface{}, b *buffer) bool {
	*b = v.(uint64)
	return true
}

func setWord(b *buffer, word uint64) { *b = word }

func word(b *buffer) uint64 { return *b }

func torn(b *buffer) uint64 { return 0 }
