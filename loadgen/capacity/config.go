package capacity

import "fmt"

// Floor and Ceiling are the lowest and the highest rate that is ever tried, per
// second: no clock tells requests apart that are less than a nanosecond apart.
const (
	Floor   = 1
	Ceiling = 1e9
)

// The defaults of a Config.
const (
	DefaultPrecision = 0.02 // below it, noise of a few seconds' measurement decides
	DefaultConfirm   = 1
)

// Config says where to search and how exactly. Rates are per second.
type Config struct {
	Min       float64 // the first rate tried; from Floor up
	Max       float64 // the highest tried; 0: Ceiling
	Precision float64 // the answer may be below the truth by this share of it; up to 1, 0: DefaultPrecision
	Confirm   int     // tries that must agree about a rate: the best of 1, 3, 5…; 0: DefaultConfirm
}

// Check tells what is wrong with c, and what is allowed.
func (c Config) Check() error {
	_, err := c.complete()
	return err
}

// complete returns c with its defaults, or what is wrong with it.
func (c Config) complete() (Config, error) {
	if c.Max == 0 {
		c.Max = Ceiling
	}
	if c.Precision == 0 {
		c.Precision = DefaultPrecision
	}
	if c.Confirm == 0 {
		c.Confirm = DefaultConfirm
	}
	switch {
	case !(c.Min >= Floor && c.Min <= Ceiling):
		return c, fmt.Errorf("capacity: the first rate is %v/s; allowed: from %d/s to %.0f/s", c.Min, Floor, Ceiling)
	case !(c.Max >= c.Min && c.Max <= Ceiling):
		return c, fmt.Errorf("capacity: the highest rate is %v/s; allowed: from the first rate, %v/s, to %.0f/s, or 0 for that", c.Max, c.Min, Ceiling)
	case !(c.Precision > 0 && c.Precision <= 1):
		return c, fmt.Errorf("capacity: the precision is %v; allowed: a share above 0, up to 1", c.Precision)
	case c.Confirm < 0:
		return c, fmt.Errorf("capacity: %d tries are to confirm a rate; allowed: from 1 up, or 0 for %d", c.Confirm, DefaultConfirm)
	}
	return c, nil
}
