package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// measure is what the process had used when a measure began.
type measure struct {
	cpu  time.Duration
	at   time.Time
	idle int
}

func begin() measure { return measure{cpu(), time.Now(), memory("VmRSS")} }

// report prints what was used since, as every measured program does: a line of JSON.
func (m measure) report(units int, trips ...time.Duration) {
	used, wall := cpu()-m.cpu, time.Since(m.at)
	more := ""
	if len(trips) > 0 {
		slices.Sort(trips)
		more = fmt.Sprintf(`,"p50Us":%.1f`, trips[len(trips)/2].Seconds()*1e6)
	}
	peak := memory("VmHWM")
	fmt.Printf(`{"cpuUs":%d,"wallUs":%d,"units":%d,"grownKib":%d,"peakKib":%d%s}`+"\n",
		used.Microseconds(), wall.Microseconds(), units, peak-m.idle, peak, more)
}

func cpu() time.Duration {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// memory is the process's memory in KiB: VmRSS now, VmHWM at most so far.
func memory(which string) int {
	status, err := os.ReadFile("/proc/self/status")
	check(err)
	_, after, _ := strings.Cut(string(status), which+":")
	kib, err := strconv.Atoi(strings.Fields(after)[0])
	check(err)
	return kib
}

// logCommand is the command whose log has so many MiB.
func logCommand(size int) string { return fmt.Sprintf("log-%d", size) }

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
