package attack

import "time"

// Planned is the Summary of an attack of which nothing is known but its Config:
// of the share First, Count until its end or, unless stopped is 0, until that
// moment. Begin and Warmup are unset; Scheduled of a closed loop is 0.
func Planned(cfg Config, stopped time.Duration) (Summary, error) {
	if err := cfg.Check(); err != nil {
		return Summary{}, err
	}
	a, err := newAttack(cfg, Hooks{})
	if err != nil {
		return Summary{}, err
	}
	if stopped != 0 {
		a.stopped.Store(&stopped)
	}
	return Summary{Duration: a.duration(), Scheduled: a.scheduled(), Interrupted: stopped != 0}, nil
}

// scheduled is how many measured requests were to be sent; 0 in a closed loop.
func (a *attack) scheduled() (n uint64) {
	if a.schedule == nil {
		return 0
	}
	for _, c := range a.conns {
		n += c.driver.scheduled()
	}
	return n
}
