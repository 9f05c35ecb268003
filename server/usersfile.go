package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/filewatch"
	"github.com/e0ac7cd4/hotpath/server/config"
	"github.com/e0ac7cd4/hotpath/server/rules"
)

// usersFile are the users of a site, and the file that they follow.
type usersFile struct {
	users   *rules.Users
	name    string
	file    filewatch.Watch
	problem string // that was reported; "": none
}

func newUsersFile(c *config.SiteUsers, attempts *rules.Attempts) (*usersFile, error) {
	u := &usersFile{users: rules.NewUsers(c.Realm, c.Pass, attempts), name: c.File}
	u.file.Begin(c.File)
	return u, u.load()
}

func (u *usersFile) load() error {
	text, err := config.ReadRegular(u.name)
	if err == nil {
		err = u.users.Load(text)
	}
	if err != nil {
		return fmt.Errorf("reading basic-auth.users %q: %w", u.name, err)
	}
	return nil
}

// look reads the file if it has changed. It reports whether there are other users
// now, and a problem that is new.
func (u *usersFile) look() (swapped bool, problem error) {
	read, again := u.file.Due()
	if !read {
		return false, nil
	}
	switch err := u.load(); {
	case err == nil:
		u.problem = ""
		return true, nil
	case again && err.Error() != u.problem: // a file that is being written is read once more first
		u.problem = err.Error()
		return false, err
	}
	return false, nil
}

// usersInterval is the time between two looks at the files of users.
const usersInterval = 2 * time.Second

// followUsers follows the files of the users of all sites until ctx ends. forget
// makes connections forget what they remember of requests: the users that it was
// remembered for may be gone.
func (r *running) followUsers(ctx context.Context, forget func(), log *slog.Logger) {
	ticker := time.NewTicker(usersInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			r.lookAtUsers(forget, log)
		}
	}
}

// lookAtUsers looks at each file once. It waits for a reload that is under way.
func (r *running) lookAtUsers(forget func(), log *slog.Logger) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.sites.all {
		if s.users == nil {
			continue
		}
		swapped, err := s.users.look()
		if swapped {
			forget()
			log.Info("the users of a site have changed", "site", s.Name, "file", s.users.name)
		}
		if err != nil {
			log.Error("the users of a site cannot be read: those before stay", "site", s.Name, "err", err)
		}
	}
}
