//go:build b20x273

package main

const (
	kind       = "b20x273"
	keyBytes   = 20
	valueBytes = 273
)
