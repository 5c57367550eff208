// machine.go - processors and memory of this process

package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"unsafe"
)

const (
	madvHugepage = 14
	madvCollapse = 25
)

type cpuMask [128]uint64

var given cpuMask

func affinity(trap uintptr, mask *cpuMask) {
	_, _, errno := syscall.RawSyscall(trap, 0, unsafe.Sizeof(*mask),
		uintptr(unsafe.Pointer(mask)))
	if errno != 0 {
		fail("affinity: %v", errno)
	}
}

func cpus() (list []int) {
	for cpu := 0; cpu < 64*len(given); cpu++ {
		if given[cpu/64]&(1<<(cpu%64)) != 0 {
			list = append(list, cpu)
		}
	}
	return list
}

// pin keeps this goroutine on the index-th processor until unpin.
func pin(index int) {
	var one cpuMask
	cpu := cpus()[index]
	one[cpu/64] |= 1 << (cpu % 64)
	runtime.LockOSThread()
	affinity(syscall.SYS_SCHED_SETAFFINITY, &one)
}

func unpin() {
	affinity(syscall.SYS_SCHED_SETAFFINITY, &given)
	runtime.UnlockOSThread()
}

// hugePages asks for 2 MiB pages for the heap, which this Go does not do, so
// that the map has what the others have.  What the kernel refuses stays small.
func hugePages() {
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var from, to uintptr
		var mode string
		fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &mode)
		if from>>32 != 0xc0 || !strings.HasPrefix(mode, "rw") {
			continue
		}
		for _, advice := range []uintptr{madvHugepage, madvCollapse} {
			syscall.Syscall(syscall.SYS_MADVISE, from, to-from,
				advice)
		}
	}
}

// memory is what this process has in memory, and what of it on 2 MiB pages.
func memory() (resident, huge float64) {
	f, err := os.Open("/proc/self/smaps_rollup")
	if err != nil {
		fail("%v", err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var kib float64
		if n, _ := fmt.Sscanf(lines.Text(), "Rss: %f", &kib); n == 1 {
			resident = kib * 1024
		}
		n, _ := fmt.Sscanf(lines.Text(), "AnonHugePages: %f", &kib)
		if n == 1 {
			huge = kib * 1024
		}
	}
	return resident, huge
}
