package config

import "runtime"

// yield lets others run: a reload of a thousand sites computes for a third of a second,
// and on one core hits would wait for their turn as long as the scheduler lets a
// goroutine run, 10 ms. It is called for each site.
func yield() { runtime.Gosched() }
