package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/server/config"
	"github.com/e0ac7cd4/hotpath/server/rules"
)

// rule gives a site its rules, and reads the files that they are in.
func (m *maker) rule(s *served, c *config.Site) error {
	pages, err := m.readPages(&c.Errors)
	if err != nil {
		return err
	}
	s.Requests = newFields(&c.RequestFields)
	s.Answers = rules.NewAnswers(newFields(&c.ResponseFields), pages, c.Users.File != "")
	guard := rules.Guard{
		Addresses: rules.Addresses{Allow: c.Allow, Deny: c.Deny},
		Redirects: rules.NewRedirects(c.Redirects),
	}
	if c.Maintenance.On {
		if guard.Maintenance, err = m.newMaintenance(c, s.Answers); err != nil {
			return err
		}
	}
	if c.Users.File != "" {
		if s.users, err = newUsersFile(&c.Users, m.attempts); err != nil {
			return err
		}
		guard.Users = s.users.users
	}
	s.Guard = guardOf(&guard)
	return nil
}

// guardOf is a guard that demands something, or nil: then a hit does not ask it.
func guardOf(g *rules.Guard) *rules.Guard {
	if g.Maintenance == nil && g.Redirects == nil && g.Users == nil && len(g.Addresses.Allow) == 0 && len(g.Addresses.Deny) == 0 {
		return nil
	}
	return g
}

// newFields is what a site changes in fields; nil if that is nothing.
func newFields(c *config.SiteFields) *rules.Fields {
	if len(c.Set) == 0 && len(c.Remove) == 0 {
		return nil
	}
	f := &rules.Fields{Remove: c.Remove}
	for _, name := range slices.Sorted(maps.Keys(c.Set)) {
		f.Set = append(f.Set, hpack.Field{Name: name, Value: c.Set[name]})
	}
	return f
}

// readPages reads the pages of a site's errors; nil if it has none.
func (m *maker) readPages(c *config.SiteErrors) (*rules.Pages, error) {
	if len(c.Pages) == 0 {
		return nil, nil
	}
	pages := &rules.Pages{Upstream: c.Upstream}
	for status, file := range c.Pages {
		body, err := m.pages.Read(file)
		if err != nil {
			return nil, fmt.Errorf("reading the page of %s: %w", status, err)
		}
		pages.Add(status, file, body)
	}
	return pages, nil
}

func (m *maker) newMaintenance(c *config.Site, answers *rules.Answers) (*rules.Maintenance, error) {
	var body []byte
	if c.Maintenance.Page != "" {
		var err error
		if body, err = m.pages.Read(c.Maintenance.Page); err != nil {
			return nil, fmt.Errorf("reading the page of maintenance: %w", err)
		}
	}
	seconds := (c.Maintenance.RetryAfter + time.Second - 1) / time.Second
	return rules.NewMaintenance(c.Maintenance.Allow, strconv.FormatInt(int64(seconds), 10), c.Maintenance.Page, body, answers), nil
}
