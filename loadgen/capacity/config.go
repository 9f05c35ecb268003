package capacity

import "fmt"

// Floor and Ceiling are the lowest and the highest rate that is ever tried, per
// second: no clock distinguishes requests less than a nanosecond apart.
const (
	Floor   = 1
	Ceiling = 1e9
)

// The defaults of a Config.
const (
	DefaultStart     = 1000 // what any server holds, and a few doublings below what a fast one does
	DefaultPrecision = 0.02 // below it, noise of a few seconds' measurement decides

	// Two tries that agree: one in 20 stutters on a machine that does
	// something else too, and with a single one a search in 50 was off by
	// more than 10 %.
	DefaultConfirm = 2
)

// Config says where to search and how exactly. Rates are per second.
type Config struct {
	Min       float64 // the lowest tried; from Floor up, 0: Floor
	Max       float64 // the highest tried; 0: Ceiling
	Start     float64 // the first tried, from Min to Max; 0: Min if that was given, else DefaultStart
	Precision float64 // the answer may be below the truth by this share of it; up to 1, 0: DefaultPrecision
	Confirm   int     // tries that must agree about a rate near the limit: the best of 1, 3, 5…; 0: DefaultConfirm
}

// Check returns what is wrong with c, and what is allowed.
func (c Config) Check() error {
	_, err := c.complete()
	return err
}

// complete returns c with its defaults, or what is wrong with it.
func (c Config) complete() (Config, error) {
	if c.Max == 0 {
		c.Max = Ceiling
	}
	if c.Start == 0 && c.Min == 0 {
		c.Start = min(DefaultStart, c.Max)
	}
	if c.Min == 0 {
		c.Min = Floor
	}
	if c.Start == 0 {
		c.Start = c.Min
	}
	if c.Precision == 0 {
		c.Precision = DefaultPrecision
	}
	if c.Confirm == 0 {
		c.Confirm = DefaultConfirm
	}
	switch {
	case !(c.Min >= Floor && c.Min <= Ceiling):
		return c, fmt.Errorf("capacity: the lowest rate is %v/s; allowed: from %d/s to %.0f/s, or 0 for %d/s", c.Min, Floor, Ceiling, Floor)
	case !(c.Max >= c.Min && c.Max <= Ceiling):
		return c, fmt.Errorf("capacity: the highest rate is %v/s; allowed: from the lowest rate, %v/s, to %.0f/s, or 0 for that", c.Max, c.Min, Ceiling)
	case !(c.Start >= c.Min && c.Start <= c.Max):
		return c, fmt.Errorf("capacity: the first rate is %v/s; allowed: from the lowest, %v/s, to the highest, %v/s", c.Start, c.Min, c.Max)
	case !(c.Precision > 0 && c.Precision <= 1):
		return c, fmt.Errorf("capacity: the precision is %v; allowed: a share above 0, up to 1", c.Precision)
	case c.Confirm < 0:
		return c, fmt.Errorf("capacity: %d tries are to confirm a rate; allowed: from 1 up, or 0 for %d", c.Confirm, DefaultConfirm)
	}
	return c, nil
}
