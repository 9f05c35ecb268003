package site

import "sync/atomic"

// users counts what uses a site's origin.
//
// Each miss writes it, and hits read what stands beside it in a Site: it has a cache
// line of its own.
type users struct {
	_     [64]byte
	state atomic.Int64 // how many there are; with retired added, none may come
	ended func()       // is called when the last has left; set by Retire
	_     [64]byte
}

// retired is more than all users there can be.
const retired = 1 << 40

// Enter adds a user of the site's origin, which must Leave. It reports false if the
// site is retired: the request is another site's by now.
func (s *Site) Enter() bool {
	if s.users.state.Add(1) < retired {
		return true
	}
	s.Leave()
	return false
}

// Stay adds a user beside one that is there, so that it cannot fail.
func (s *Site) Stay() { s.users.state.Add(1) }

// Leave removes a user.
func (s *Site) Leave() {
	if s.users.state.Add(-1) == retired {
		s.end()
	}
}

// Retire lets no user enter any more, and calls ended when the last user has left:
// at once if there is none. It is for a site that no table in use has, and is
// called once.
func (s *Site) Retire(ended func()) {
	s.users.ended = ended
	if s.users.state.Add(retired) == retired {
		s.end()
	}
}

// end calls ended, once: an Enter that fails may be the last to leave, again and
// again.
func (s *Site) end() {
	if s.users.state.CompareAndSwap(retired, 2*retired) {
		s.users.ended()
	}
}
