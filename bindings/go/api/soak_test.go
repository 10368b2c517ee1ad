package api_test

import (
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"testing"
)

// soak makes 100,000 calls; with DAYTONA_ECHO_CALLS that many, after a tenth of them to warm up, and then neither resident
// memory nor descriptors may have grown.
func soak(t *testing.T, calls func(count int)) {
	t.Helper()
	given := os.Getenv("DAYTONA_ECHO_CALLS")
	if given == "" {
		calls(100_000)
		return
	}
	count, err := strconv.Atoi(given)
	if err != nil {
		t.Fatal(err)
	}
	calls(count / 10)
	resident, descriptors := held(t)
	calls(count)
	residentAfter, descriptorsAfter := held(t)
	fmt.Printf("soak Go: %d calls, resident %d -> %d KiB, descriptors %d -> %d\n", count, resident, residentAfter, descriptors, descriptorsAfter)
	if residentAfter > resident+8<<10 || descriptorsAfter > descriptors {
		t.Error("something leaks")
	}
}

// held is the resident memory in KiB, and the number of open descriptors.
func held(t *testing.T) (resident, descriptors int) {
	t.Helper()
	debug.FreeOSMemory()
	var virtual, pages int
	text := given(os.ReadFile("/proc/self/statm"))(t)
	given(fmt.Sscan(string(text), &virtual, &pages))(t)
	return pages * os.Getpagesize() / 1024, len(given(os.ReadDir("/proc/self/fd"))(t))
}
