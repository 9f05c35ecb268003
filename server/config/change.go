package config

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/yield"
)

// Line is a setting's value as a line of the configuration file would give it.
// Its JSON form is what the admin listener answers at /config.
type Line struct {
	Key     string `json:"key"` // of a site's: sites[0].root, sites[example.com].root
	Value   string `json:"value"`
	Default string `json:"default,omitempty"`

	// Fixed is that a flag or a variable has given it: no file changes it.
	Fixed bool `json:"fixed,omitempty"`
}

// Effective returns the value of every setting, those that sites have by default
// included, in the order of the help. A site is named by its first host, "default"
// without one, and its path, so that a site between two others changes neither. None is a
// secret: those are in files, and only their names are settings.
func (c Config) Effective() []Line { return c.effective(nil) }

// effective is Effective without the sites that leave reports true of, nil for none.
func (c Config) effective(leave func(*Site) bool) []Line {
	var lines []Line
	for _, k := range settings(&c) {
		where := c.where[k.name]
		fixed := strings.HasPrefix(where, "flag ") || strings.HasPrefix(where, "environment ")
		lines = append(lines, Line{Key: k.name, Value: k.value.String(), Default: k.def, Fixed: fixed})
	}
	for i := range c.Sites {
		yield.InLoop()
		s := &c.Sites[i]
		if s.name == "" || leave != nil && leave(s) {
			continue // the one of root and upstream, or left out
		}
		for _, k := range siteSettings(s) {
			lines = append(lines, Line{Key: sitesKey + "[" + s.called() + "]." + k.name, Value: k.value.String(), Default: k.def})
		}
	}
	return lines
}

// AppendJSON appends [Config.Effective] in JSON to buf: of a thousand sites, megabytes.
func (c Config) AppendJSON(buf []byte) []byte {
	buf = append(buf, '[')
	for i, l := range c.Effective() {
		if i > 0 {
			buf = append(buf, ',')
		}
		if i%100 == 0 { // about a site's
			yield.InLoop()
		}
		text, err := json.Marshal(l)
		if err != nil {
			panic("encoding a setting, which is texts: " + err.Error())
		}
		buf = append(buf, text...)
	}
	return append(buf, ']')
}

// called is the site's name in [Config.Effective]: no other site has it.
func (s *Site) called() string {
	if len(s.Hosts) > 0 {
		return s.Hosts[0] + s.Path
	}
	return "default" + s.Path
}

// Hash is a number for the effective settings: alike for the same settings,
// whatever gave them, and in all likelihood different for others. It has 48 bits,
// which a metric holds exactly.
func (c Config) Hash() int64 {
	h := fnv.New64a()
	for _, k := range settings(&c) {
		if k.name == configKey {
			continue // the same settings may stand in another file
		}
		fmt.Fprintf(h, "%s\x00%s\x00", k.name, k.value.String())
	}
	for i := range c.Sites {
		if s := &c.Sites[i]; s.name != "" {
			h.Write(s.sum[:])
		}
	}
	return int64(h.Sum64() >> 16)
}

// Change is a setting that has another value.
type Change struct {
	Key      string
	Old, New string
	Added    bool // the setting of a site that was not there
	Removed  bool // the setting of a site that is gone
	Restart  bool // a running server cannot take it
}

// String is the change in a line.
func (c Change) String() string {
	var text string
	switch {
	case c.Added:
		text = fmt.Sprintf("+ %s: %s", c.Key, c.New)
	case c.Removed:
		text = fmt.Sprintf("- %s: %s", c.Key, c.Old)
	default:
		text = fmt.Sprintf("~ %s: %s -> %s", c.Key, shown(c.Old), shown(c.New))
	}
	if c.Restart {
		text += " (needs a restart)"
	}
	return oneLine(text)
}

// shown is a value that may be empty.
func shown(value string) string {
	if value == "" {
		return `""`
	}
	return value
}

// ChangesTo are the [Changes] from c to next. Of the sites that are the same in both
// it looks at no setting.
func (c Config) ChangesTo(next Config) []Change {
	ours, theirs := c.byName(), next.byName()
	same := func(s *Site) bool {
		a, b := ours[s.called()], theirs[s.called()]
		return a != nil && b != nil && a.equal(b)
	}
	return Changes(c.effective(same), next.effective(same))
}

// byName has the sites of the file by what they are called in Effective.
func (c Config) byName() map[string]*Site {
	sites := make(map[string]*Site, len(c.Sites))
	for i := range c.Sites {
		if s := &c.Sites[i]; s.name != "" {
			sites[s.called()] = s
		}
	}
	return sites
}

// Changes are what differs between the effective settings of a server that runs
// and other ones: changes of the settings in their order, then those of sites that
// were added, then those of sites that are gone. Defaults of such sites are left
// out.
func Changes(running, next []Line) []Change {
	was := make(map[string]Line, len(running))
	for _, l := range running {
		was[l.Key] = l
	}
	var changed, added []Change
	for _, l := range next {
		old, ok := was[l.Key]
		delete(was, l.Key)
		switch {
		case !ok && l.Value != l.Default:
			added = append(added, Change{Key: l.Key, New: l.Value, Added: true, Restart: needsRestart[l.Key]})
		case ok && old.Value != l.Value && l.Key != configKey:
			changed = append(changed, Change{Key: l.Key, Old: old.Value, New: l.Value, Restart: needsRestart[l.Key]})
		}
	}
	for _, l := range running {
		if _, ok := was[l.Key]; ok && l.Value != l.Default {
			added = append(added, Change{Key: l.Key, Old: l.Value, Removed: true, Restart: needsRestart[l.Key]})
		}
	}
	return append(changed, added...)
}

// Differences is a text of what next would change of what runs, a line for each,
// and of whether a reload does. What is fixed stays.
func Differences(running, next []Line) string {
	fixed := make(map[string]string)
	for _, l := range running {
		if l.Fixed {
			fixed[l.Key] = l.Value
		}
	}
	next = slices.Clone(next)
	for i := range next {
		if value, ok := fixed[next[i].Key]; ok {
			next[i].Value = value
		}
	}
	changes := Changes(running, next)
	if len(changes) == 0 {
		return "no setting differs\n"
	}
	var text strings.Builder
	restart := false
	for _, c := range changes {
		fmt.Fprintln(&text, c)
		restart = restart || c.Restart
	}
	if restart {
		text.WriteString("a reload is refused: what needs a restart has changed\n")
	} else {
		text.WriteString("a reload takes it\n")
	}
	return text.String()
}

// Unchangeable reports, as [Mistakes], the changes that a running server cannot
// take: it names each, what the server runs with and what c has.
func (c Config) Unchangeable(changes []Change) error {
	var all Mistakes
	for _, change := range changes {
		if change.Restart {
			all = append(all, &Error{c.at(change.Key), change.Key, change.New, "cannot change while the server runs", shown(change.Old) + ", or a restart"})
		}
	}
	return all.orNil()
}

// needsRestart are the settings that a running server cannot change, and why. All
// others take effect with a reload, the sites' among them; TestEverySettingReloads
// has both lists.
var needsRestart = map[string]bool{
	// Sockets, and the admin listener's token, are there before anything is read again.
	"listen": true, "admin": true, "http-addr": true, "admin-token-file": true, "admin-insecure": true,
	// crypto/tls cannot forget keys that it was given. What is in the files is
	// followed all the same.
	"ticket-keys-file": true, "ech-keys-file": true,
	// The tables of the store have their size, and what is reserved in it
	// counts against it.
	"cache-entries": true, "cache-bytes": true, "cache-shards": true, "max-stored": true,
	// So many permits are made, and some are out.
	"max-conns": true, "max-handshakes": true, "max-fetches": true,
	// Clients are counted by them, from their first connection on.
	"proxy-protocol-from": true, "limit-connections": true, "limit-handshakes": true, "limit-requests": true, "limit-burst": true,
	"limit-by": true, "limit-ipv4-prefix": true, "limit-ipv6-prefix": true, "limit-exempt": true, "limit-mode": true, "limit-clients": true,
	// The log's writer has them, and records that wait for it.
	"access-log": true, "access-log-sample": true, "access-log-format": true, "access-log-fields": true, "access-log-file": true, "access-log-rate": true,
	// They are those of sockets that are open, and of a file that is written.
	"reuse-port": true, "pid-file": true,
	// The process has them from its start, and what reads the file as well.
	"memory-limit": true, "tls-buffers": true, "log-format": true, "config-watch": true,
}
