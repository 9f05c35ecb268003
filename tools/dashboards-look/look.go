package main

import (
	"fmt"
	"strings"
)

// look is what a page says of itself: page/facts.ts.
type look struct {
	Settled bool    `json:"settled"`
	Error   string  `json:"error"`
	Height  int64   `json:"height"` // CSS pixels
	Panels  []panel `json:"panels"`
}

type panel struct {
	ID     int      `json:"id"`
	Type   string   `json:"type"`
	Title  string   `json:"title"`
	Errors []string `json:"errors"`
	Values int      `json:"values"` // finite numbers
	Empty  bool     `json:"empty"`  // it says that there is no data
	Legend []string `json:"legend"`
	Hidden []string `json:"hidden"` // entries of the legend that are cut off
}

// wrong lists what is wrong with a page, panel by panel. Panels may be empty unless all
// has been that fills them.
func (l look) wrong(whole bool) []string {
	if l.Error != "" {
		return []string{"the page: " + l.Error}
	}
	if len(l.Panels) == 0 {
		return []string{"the page has no panel"}
	}
	var all []string
	for _, p := range l.Panels {
		found := func(format string, args ...any) {
			all = append(all, fmt.Sprintf("%q (%s): ", p.Title, p.Type)+fmt.Sprintf(format, args...))
		}
		for _, err := range p.Errors {
			found("%s", err)
		}
		if whole && (p.Empty || p.Values == 0) && p.Type != "text" && len(p.Errors) == 0 {
			found("it is empty")
		}
		if len(p.Hidden) > 0 {
			found("%d of %d entries of the legend are cut off: %s", len(p.Hidden), len(p.Legend), strings.Join(p.Hidden, ", "))
		}
	}
	return all
}
