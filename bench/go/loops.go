// loops.go - the measured loops of bench/loops.h over a sync.Map
//
// Keys and values are passed as any caller would pass them; what Go allocates
// for that is part of the map's cost.  A string to look up is the caller's, who
// has it already; a value that is stored is copied first, since a sync.Map
// keeps what it is given.

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

func get(m *sync.Map, k *rawKey, b *buffer) bool {
	v, ok := m.Load(lend(k))
	return ok && unbox(v, b)
}

// insert tells whether the key was new.
func insert(m *sync.Map, id uint64, b *buffer) bool {
	k := key(id)
	setValue(b, &k, 0)
	_, loaded := m.LoadOrStore(own(&k), box(b))
	return !loaded
}

func erase(m *sync.Map, id uint64) bool {
	k := key(id)
	_, loaded := m.LoadAndDelete(own(&k))
	return loaded
}

func loopGet(m *sync.Map, keys []rawKey, t *tally) {
	var b buffer
	for i := range keys {
		if get(m, &keys[i], &b) {
			t.done++
			t.wrong |= wrong(&b, &keys[i])
		}
	}
}

func loopBatch(m *sync.Map, keys []rawKey, t *tally) {
	var values [batch]buffer
	for ; len(keys) > 0; keys = keys[batch:] {
		for i := range values {
			if get(m, &keys[i], &values[i]) {
				t.done++
			}
		}
		for i := range values {
			t.wrong |= wrong(&values[i], &keys[i])
		}
	}
}

func loopPut(m *sync.Map, keys []rawKey, x *mix, t *tally) {
	var b buffer
	for i := range keys {
		k := &keys[i]
		if uint64(random(&x.dice)) >= x.reads {
			setValue(&b, k, x.version)
			m.Store(lend(k), box(&b))
			t.done++
		} else if get(m, k, &b) {
			t.done++
			t.wrong |= wrong(&b, k)
		}
	}
}

// loopAdd reads and writes: this sync.Map has no compare-and-swap, so of two
// additions at the same time one may be lost, as in YCSB's own workload F.
func loopAdd(m *sync.Map, keys []rawKey, x *mix, t *tally) {
	var b buffer
	for i := range keys {
		k := &keys[i]
		write := uint64(random(&x.dice)) >= x.reads
		if get(m, k, &b) {
			t.done++
			t.wrong |= wrong(&b, k)
		}
		if write {
			setWord(&b, word(&b)+1)
			m.Store(lend(k), box(&b))
		}
	}
}

func loopInsert(m *sync.Map, first, stride, n uint64, t *tally) {
	var b buffer
	for i := uint64(0); i < n; i++ {
		if insert(m, first+i*stride, &b) {
			t.done++
		}
	}
}

func loopChurn(m *sync.Map, first, stride, window, n uint64, t *tally) {
	var b buffer
	for i := uint64(0); i < n; i++ {
		id := first + i*stride
		if erase(m, id) {
			t.done++
		}
		if insert(m, id+window, &b) {
			t.done++
		}
	}
}
