//go:build !k16 && !b16x64 && !b20x273

// kind_u64.go - uint64 to uint64

package main

const kind = "u64"

type (
	rawKey  = uint64 // as it is in a stream: without pointers to scan
	keyType = uint64
)

func makeKey(number uint64) rawKey { return number }

func number(k *rawKey) uint64 { return *k }

// lend and own make the map's key of a raw one: for a look-up, and to keep.
func lend(k *rawKey) keyType { return *k }

func own(k *rawKey) keyType { return *k }
