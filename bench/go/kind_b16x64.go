//go:build b16x64

package main

const (
	kind       = "b16x64"
	keyBytes   = 16
	valueBytes = 64
)
