//go:build b16x64 || b20x273

// kind_bytes.go - string to []byte

package main

import (
	"encoding/binary"
	"unsafe"
)

type (
	rawKey  = [keyBytes]byte // as it is in a stream: without pointers to scan
	keyType = string
	buffer  = [valueBytes]byte
)

func makeKey(number uint64) (k rawKey) {
	var words [24]byte
	binary.LittleEndian.PutUint64(words[:], number)
	binary.LittleEndian.PutUint64(words[8:], number*keyMore)
	binary.LittleEndian.PutUint64(words[16:], number)
	copy(k[:], words[:])
	return k
}

func number(k *rawKey) uint64 { return binary.LittleEndian.Uint64(k[:]) }

// lend and own make the map's key of a raw one: for a look-up, and to keep.
func lend(k *rawKey) keyType {
	bytes := k[:]
	return *(*string)(unsafe.Pointer(&bytes))
}

func own(k *rawKey) keyType { return string(k[:]) }

// box makes what the map keeps of the caller's buffer; unbox copies it out.
func box(b *buffer) interface{} {
	v := make([]byte, valueBytes)
	copy(v, b[:])
	return v
}

func unbox(v interface{}, b *buffer) bool {
	return copy(b[:], v.([]byte)) == valueBytes
}

func setWord(b *buffer, word uint64) {
	binary.LittleEndian.PutUint64(b[:], word)
	binary.LittleEndian.PutUint64(b[valueBytes-8:], word)
}

func word(b *buffer) uint64 { return binary.LittleEndian.Uint64(b[:]) }

func torn(b *buffer) uint64 {
	return word(b) ^ binary.LittleEndian.Uint64(b[valueBytes-8:])
}
