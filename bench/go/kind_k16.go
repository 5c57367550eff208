//go:build k16

// kind_k16.go - [16]byte to uint64

package main

import "encoding/binary"

const kind = "k16"

type (
	rawKey  = [16]byte // as it is in a stream: without pointers to scan
	keyType = [16]byte
)

func makeKey(number uint64) (k rawKey) {
	binary.LittleEndian.PutUint64(k[:], number)
	binary.LittleEndian.PutUint64(k[8:], number*keyMore)
	return k
}

func number(k *rawKey) uint64 { return binary.LittleEndian.Uint64(k[:]) }

// lend and own make the map's key of a raw one: for a look-up, and to keep.
func lend(k *rawKey) keyType { return *k }

func own(k *rawKey) keyType { return *k }
