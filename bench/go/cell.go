// cell.go - one workload, distribution and number of threads: bench/cell.c

package main

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const warmShare = 10 // of the window, before what is counted

type workload struct {
	name  string
	run   func(c *cell, w *worker)
	step  func(c *cell, w *worker)
	reads uint64 // percent, of a mix
	draws bool   // keys from a distribution
}

type cell struct {
	*workload
	dist, threads int
	arrived       int32
	opened        uint32
	workers       []worker
}

type worker struct {
	tally
	mix
	operations uint64 // in the tally
	counted    uint64 // of them, those that were timed
	position   int
	reached    int
	index      int
	start, end time.Time
	seconds    float64
	_          [128]byte
}

func (c *cell) wait() {
	before := atomic.LoadUint32(&c.opened)
	if atomic.AddInt32(&c.arrived, 1) == int32(c.threads) {
		atomic.StoreInt32(&c.arrived, 0)
		atomic.AddUint32(&c.opened, 1)
		return
	}
	for spins := 0; atomic.LoadUint32(&c.opened) == before; spins++ {
		if spins > 10000 {
			runtime.Gosched()
		}
	}
}

func (c *cell) nextKeys(w *worker) []rawKey {
	keys := hits[c.dist]
	if c.name == "miss" {
		keys = misses[c.dist]
	}
	part := keys[w.position : w.position+chunk]
	w.position = (w.position + chunk) % len(keys)
	w.operations += chunk
	return part
}

func stepGet(c *cell, w *worker) {
	loopGet(filled, c.nextKeys(w), &w.tally)
}

func stepBatch(c *cell, w *worker) {
	loopBatch(filled, c.nextKeys(w), &w.tally)
}

func stepPut(c *cell, w *worker) {
	loopPut(filled, c.nextKeys(w), &w.mix, &w.tally)
}

func stepAdd(c *cell, w *worker) {
	loopAdd(filled, c.nextKeys(w), &w.mix, &w.tally)
}

func stepChurn(c *cell, w *worker) {
	stride := uint64(c.threads)
	first := churned + uint64(w.index) + uint64(w.position)*stride
	loopChurn(churn, first, stride, entries, chunk, &w.tally)
	w.position += chunk
	w.operations += 2 * chunk
}

func (c *cell) stepsFor(w *worker, start time.Time, d time.Duration) time.Time {
	for {
		c.step(c, w)
		if now := time.Now(); now.Sub(start) >= d {
			return now
		}
	}
}

func (c *cell) timedSteps(w *worker) {
	c.wait()
	c.stepsFor(w, time.Now(), window/warmShare)
	before := w.operations
	w.start = time.Now()
	w.end = c.stepsFor(w, w.start, window)
	w.seconds = w.end.Sub(w.start).Seconds()
	w.counted = w.operations - before
}

func runWindow(c *cell, w *worker) {
	pin(w.index)
	c.timedSteps(w)
	unpin()
}

// runChurn lets all threads catch up with the first, so that no id is left out.
func runChurn(c *cell, w *worker) {
	pin(w.index)
	c.timedSteps(w)
	w.reached = w.position
	c.wait()
	most := 0
	for i := range c.workers {
		if c.workers[i].reached > most {
			most = c.workers[i].reached
		}
	}
	for w.position < most {
		c.step(c, w)
	}
	unpin()
	c.wait()
	if w.index == 0 {
		churned += uint64(most * c.threads)
	}
}

// wholeTime is from the first thread's start to the last one's end.
func (c *cell) wholeTime() time.Duration {
	start, end := c.workers[0].start, c.workers[0].end
	for i := range c.workers {
		if w := &c.workers[i]; w.start.Before(start) {
			start = w.start
		}
		if w := &c.workers[i]; w.end.After(end) {
			end = w.end
		}
	}
	return end.Sub(start)
}

func runInsert(c *cell, w *worker) {
	share := entries / uint64(c.threads)
	total := time.Duration(0)
	pin(w.index)
	for total < window {
		if w.index == 0 {
			fresh = new(sync.Map)
			runtime.GC()
		}
		c.wait()
		w.start = time.Now()
		loopInsert(fresh, uint64(w.index), uint64(c.threads), share,
			&w.tally)
		w.end = time.Now()
		w.operations += share
		c.wait()
		total += c.wholeTime()
		if w.index == 0 {
			var t tally
			loopGet(fresh, hits[0][:chunk], &t)
			if t.done != chunk || t.wrong != 0 {
				fail("lost an insert")
			}
		}
		c.wait()
	}
	unpin()
	w.seconds = total.Seconds()
	w.counted = w.operations
}

func (c *cell) check(w *worker) {
	expected := w.operations
	if c.name == "miss" {
		expected = 0
	}
	if w.wrong != 0 {
		fail("%s: a value of another key", c.name)
	}
	if w.done != expected {
		fail("%s: %d operations found their key, not %d of %d",
			c.name, w.done, expected, w.operations)
	}
}

type result struct{ rate, seconds, allocs float64 }

func mallocs() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.Mallocs
}

// measure runs the cell once.  What it allocates is counted from beginning to
// end, as are the operations that this is divided by.
func (c *cell) measure(round int) (r result) {
	var group sync.WaitGroup
	before := mallocs()
	c.workers = make([]worker, c.threads)
	for i := range c.workers {
		w := &c.workers[i]
		w.index = i
		w.reads = (1 << 32) / 100 * c.workload.reads
		if c.workload.reads == 100 {
			w.reads = 1 << 32
		}
		w.version = uint32(round) + 1
		w.dice = uint64(w.version)<<32 | uint64(i)
		if c.draws {
			chunks := len(hits[c.dist]) / chunk
			part := round*c.threads + i
			w.position = chunks * part / (c.threads * *rounds) *
				chunk
		}
		group.Add(1)
		go func() {
			defer group.Done()
			c.run(c, w)
		}()
	}
	group.Wait()
	made, operations := mallocs()-before, uint64(0)
	for i := range c.workers {
		w := &c.workers[i]
		c.check(w)
		r.rate += float64(w.counted) / w.seconds
		r.seconds = w.seconds
		operations += w.operations
	}
	r.allocs = float64(made) / float64(operations)
	return r
}
