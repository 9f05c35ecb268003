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
	a.stopped.Store(int64(stopped))
	s := Summary{Duration: a.duration(), Interrupted: stopped > 0}
	if a.schedule != nil {
		for _, c := range a.conns {
			s.Scheduled += c.driver.scheduled()
		}
	}
	return s, nil
}
