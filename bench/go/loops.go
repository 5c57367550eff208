// loops.go - the measured loops of bench/loops.h over a sync.Map
//
// Keys and values are passed as any caller would pass them; what Go allocates
// for that is part of the map's cost.

package main

import "sync"

const (
	chunk = 1024
	batch = 32
)

type tally struct{ done, wrong uint64 }

type mix struct {
	reads   uint64 // of 2^32 operations
	dice    uint64
	version uint32
}

func get(m *sync.Map, k uint64) (uint64, bool) {
	v, ok := m.Load(k)
	if !ok {
		return 0, false
	}
	return v.(uint64), true
}

// insert tells whether the key was new.
func insert(m *sync.Map, k, v uint64) bool {
	_, loaded := m.LoadOrStore(k, v)
	return !loaded
}

func erase(m *sync.Map, k uint64) bool {
	_, loaded := m.LoadAndDelete(k)
	return loaded
}

func loopGet(m *sync.Map, keys []uint64, t *tally) {
	for _, k := range keys {
		if v, ok := get(m, k); ok {
			t.done++
			t.wrong |= (v ^ k) >> 32
		}
	}
}

func loopBatch(m *sync.Map, keys []uint64, t *tally) {
	var values [batch]uint64
	for ; len(keys) > 0; keys = keys[batch:] {
		for i, k := range keys[:batch] {
			v, ok := get(m, k)
			if ok {
				t.done++
			}
			values[i] = v
		}
		for i, k := range keys[:batch] {
			t.wrong |= (values[i] ^ k) >> 32
		}
	}
}

func loopPut(m *sync.Map, keys []uint64, x *mix, t *tally) {
	for _, k := range keys {
		if uint64(random(&x.dice)) >= x.reads {
			m.Store(k, value(k, x.version))
			t.done++
		} else if v, ok := get(m, k); ok {
			t.done++
			t.wrong |= (v ^ k) >> 32
		}
	}
}

// loopAdd reads and writes: this sync.Map has no compare-and-swap, so of two
// additions at the same time one may be lost, as in YCSB's own workload F.
func loopAdd(m *sync.Map, keys []uint64, x *mix, t *tally) {
	for _, k := range keys {
		write := uint64(random(&x.dice)) >= x.reads
		v, ok := get(m, k)
		if ok {
			t.done++
			t.wrong |= (v ^ k) >> 32
		}
		if write {
			m.Store(k, v+1)
		}
	}
}

func loopInsert(m *sync.Map, first, stride, n uint64, t *tally) {
	for i := uint64(0); i < n; i++ {
		k := key(first + i*stride)
		if insert(m, k, value(k, 0)) {
			t.done++
		}
	}
}

func loopChurn(m *sync.Map, first, stride, window, n uint64, t *tally) {
	for i := uint64(0); i < n; i++ {
		id := first + i*stride
		k := key(id + window)
		if erase(m, key(id)) {
			t.done++
		}
		if insert(m, k, value(k, 0)) {
			t.done++
		}
	}
}
