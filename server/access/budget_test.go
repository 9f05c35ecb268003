package access

import (
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// TestLinesOverTheBudgetAreDropped: whatever clients ask for, the file grows
// no faster than it may; what is over is counted.
func TestLinesOverTheBudgetAreDropped(t *testing.T) {
	for _, rate := range []int64{2000, 0} {
		most := func(passed time.Duration) int64 { return int64(float64(rate) * (burst + passed).Seconds()) }
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := start(t, Config{Mode: Errors, Rate: rate})
				tap, began := s.Tap(HTTP2, 0, nil), time.Now()
				size := func() int64 {
					info, err := os.Stat(s.cfg.File)
					if err != nil {
						t.Fatal(err)
					}
					return info.Size()
				}
				line := int64(0)
				sent := uint64(0)
				ask := func() { // a hundred refused requests
					for range 100 {
						tap.End(get("/wp-login.php"), ok(404))
					}
					tap.Flush(0)
					sent += 100
					time.Sleep(linger)
					synctest.Wait()
					if line == 0 {
						line = size() / 100
					}
				}
				for range 100 { // ten seconds
					ask()
				}
				lines := s.m.AccessLog.Value(metrics.LogWritten)
				if all := lines + s.m.AccessLog.Value(metrics.LogDropped); all != sent {
					t.Errorf("%d lines are counted, want %d", all, sent)
				}
				if rate == 0 {
					s.wantCounts(t, sent, 0, 0)
					return
				}
				if n, want := size(), most(time.Since(began)); n > want+line || n < want-10*line {
					t.Errorf("the file has %d octets, want about %d", n, want)
				}
				time.Sleep(time.Hour) // and no more is saved up than at the start
				before := size()
				for range 5 {
					ask()
				}
				if n := size() - before; n > most(5*linger)+line || n < most(0)-line {
					t.Errorf("%d octets more after an hour, want %d", n, most(0))
				}
			})
		})
	}
}
