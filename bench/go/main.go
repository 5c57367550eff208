// The sync.Map of the Go installed here, under the workloads of the bench.
//
// It takes the options of headtohead, for one table, and writes results of the
// same form.  What each part does is said in the C file it is named after.

package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

var (
	size      = flag.String("size", "", "entries: N, NK or NM")
	out       = flag.String("out", "", "the JSON file")
	chosen    = flag.String("workloads", "", "a,b,...; all by default")
	distList  = flag.String("dists", "", "uniform,zipf; both by default")
	threadArg = flag.String("threads", "", "1,2,...; 1,2 by default")
	rounds    = flag.Int("rounds", 7, "of everything")
	windowMs  = flag.Int("window", 30, "milliseconds of a measurement")
	phase     = flag.String("phase", "", "shown before the progress")
	bytes     = flag.Bool("bytes", false, "weigh the map instead")
)

var dists = []string{"uniform", "zipf"}

var workloads = []workload{
	{"hit", runWindow, stepGet, 0, true},
	{"miss", runWindow, stepGet, 0, true},
	{"ycsb_a", runWindow, stepPut, 50, true},
	{"ycsb_b", runWindow, stepPut, 95, true},
	{"ycsb_c", runWindow, stepPut, 100, true},
	{"ycsb_f", runWindow, stepAdd, 50, true},
	{"insert", runInsert, nil, 0, false},
	{"churn", runChurn, stepChurn, 0, false},
	{"batch", runWindow, stepBatch, 0, true},
}

var (
	entries              uint64
	window               time.Duration
	hits, misses         [2][]rawKey
	filled, churn, fresh *sync.Map
	churned              uint64
	results              []string
	lastProgress         = time.Now()
	terminal             = isTerminal(os.Stderr)
)

func fail(format string, args ...interface{}) {
	fmt.Fprintf(os.Stderr, "\nbench failed: syncmap: "+format+"\n", args...)
	os.Exit(1)
}

func usage(format string, args ...interface{}) {
	fmt.Fprintf(os.Stderr, "syncmap: "+format+"\n", args...)
	os.Exit(2)
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func progress(format string, args ...interface{}) {
	pause := 10 * time.Second
	if terminal {
		pause = time.Second / 10
	}
	if time.Since(lastProgress) < pause {
		return
	}
	lastProgress = time.Now()
	text := *phase + " " + fmt.Sprintf(format, args...)
	if terminal {
		fmt.Fprintf(os.Stderr, "\r\033[K%s", text)
	} else {
		fmt.Fprintln(os.Stderr, text)
	}
}

func parseSize(text string) uint64 {
	scale := uint64(1)
	digits := strings.TrimRight(text, "KM")
	switch text[len(digits):] {
	case "K":
		scale = 1000
	case "M":
		scale = 1000000
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil || n*scale < 1000 || len(text)-len(digits) > 1 {
		usage("-size=%s: not a number of entries from 1000", text)
	}
	return n * scale
}

func names(what, list string, all []string) []bool {
	on := make([]bool, len(all))
	for i := range on {
		on[i] = list == ""
	}
next:
	for _, name := range strings.Split(list, ",") {
		for i := range all {
			if all[i] == name {
				on[i] = true
				continue next
			}
		}
		if name != "" {
			usage("-%s: no such name: %q (have: %s)", what, name,
				strings.Join(all, " "))
		}
	}
	return on
}

func parseThreads(list string) (counts []int) {
	if list == "" {
		list = "1,2"
		if len(cpus()) < 2 {
			list = "1"
		}
	}
	for _, text := range strings.Split(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > len(cpus()) {
			usage("-threads=%s: this process has %d CPUs", text,
				len(cpus()))
		}
		if entries%uint64(n) != 0 {
			usage("-threads=%d: does not divide -size=%s", n, *size)
		}
		counts = append(counts, n)
	}
	return counts
}

func fill() *sync.Map {
	m := new(sync.Map)
	var t tally
	loopInsert(m, 0, 1, entries, &t)
	if t.done != entries {
		fail("filling: %d inserts of %d", t.done, entries)
	}
	settle(m)
	return m
}

// settle promotes the dirty map, as the two-map baseline's adapter does.
func settle(m *sync.Map) {
	m.Range(func(k, v interface{}) bool { return false })
}

func prepare(on []bool, distOn []bool) {
	n := 1 << 21
	if entries >= 4000000 {
		n = 1 << 24
	}
	for d := range dists {
		if distOn[d] || d == 0 {
			hits[d] = stream(d, 0, entries, n)
			misses[d] = stream(d, absent, entries, n)
		}
	}
	progress("filling")
	for i, w := range workloads {
		if on[i] && w.draws && filled == nil {
			filled = fill()
		}
		if on[i] && w.name == "churn" {
			churn = fill()
		}
	}
}

func warm() {
	runtime.GC()
	hugePages()
	if filled == nil {
		return
	}
	settle(filled)
	n := int(entries)
	if n > len(hits[0]) {
		n = len(hits[0])
	}
	var t tally
	loopGet(filled, hits[0][:n], &t)
	if t.done != uint64(n) || t.wrong != 0 {
		fail("warming: lost a key")
	}
}

func record(c *cell, round int) {
	r := c.measure(round)
	results = append(results, fmt.Sprintf("    {\n"+
		"      \"name\": \"syncmap/"+kind+"/%s/%s/%s\",\n"+
		"      \"threads\": %d,\n"+
		"      \"real_time\": %e,\n"+
		"      \"time_unit\": \"ns\",\n"+
		"      \"allocs_per_op\": %e,\n"+
		"      \"items_per_second\": %e\n    }",
		*size, c.name, dists[c.dist], c.threads, r.seconds*1e9,
		r.allocs, r.rate))
}

func runRound(round int, on, distOn []bool, threads []int) {
	for i := range workloads {
		for d := range dists {
			if !on[i] || workloads[i].draws && !distOn[d] ||
				!workloads[i].draws && d != 0 {
				continue
			}
			for _, n := range threads {
				progress("round %d/%d syncmap %s %s, %d threads",
					round+1, *rounds, workloads[i].name,
					dists[d], n)
				record(&cell{workload: &workloads[i], dist: d,
					threads: n}, round)
			}
		}
	}
}

// weigh is bench/bytes.c: what one map, or a hundred small ones, cost.
func weigh() {
	n := 1
	if entries < 1000000 {
		n = 100
	}
	before, _ := memory()
	all := make([]*sync.Map, n)
	for i := range all {
		progress("weighing syncmap")
		all[i] = fill()
	}
	debug.FreeOSMemory()
	hugePages()
	after, huge := memory()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	total := float64(n) * float64(entries)
	results = append(results, fmt.Sprintf("    {\n"+
		"      \"name\": \"syncmap/"+kind+"/%s/bytes\",\n"+
		"      \"heap_bytes_per_entry\": %.2f,\n"+
		"      \"huge_percent\": %.1f,\n"+
		"      \"bytes_per_entry\": %.2f\n    }",
		*size, float64(stats.HeapAlloc)/total,
		100*huge/(after-before), (after-before)/total))
	runtime.KeepAlive(all)
}

func write() {
	f, err := os.Create(*out)
	if err != nil {
		fail("%v", err)
	}
	w := bufio.NewWriter(f)
	fmt.Fprintf(w, "{\n  \"context\": {\n    \"go\": %q\n  },\n"+
		"  \"benchmarks\": [\n%s\n  ]\n}\n", runtime.Version(),
		strings.Join(results, ",\n"))
	if err := w.Flush(); err != nil {
		fail("%v", err)
	}
	if err := f.Close(); err != nil {
		fail("%v", err)
	}
}

func main() {
	flag.Parse()
	if *size == "" || *out == "" || flag.NArg() > 0 || *rounds < 1 ||
		*windowMs < 1 {
		usage("wants -size and -out; see -help")
	}
	affinity(syscall.SYS_SCHED_GETAFFINITY, &given)
	entries = parseSize(*size)
	window = time.Duration(*windowMs) * time.Millisecond
	all := make([]string, len(workloads))
	for i := range workloads {
		all[i] = workloads[i].name
	}
	on := names("workloads", *chosen, all)
	distOn := names("dists", *distList, dists)
	threads := parseThreads(*threadArg)
	if *bytes {
		weigh()
	} else {
		prepare(on, distOn)
		for round := 0; round < *rounds; round++ {
			warm()
			runRound(round, on, distOn, threads)
		}
	}
	write()
	if terminal {
		fmt.Fprintf(os.Stderr, "\r\033[K")
	}
}
