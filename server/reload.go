package main

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/config"
	"github.com/e0ac7cd4/hotpath/server/edge"
	"github.com/e0ac7cd4/hotpath/server/handover"
	"github.com/e0ac7cd4/hotpath/server/listen"
	"github.com/e0ac7cd4/hotpath/server/live"
	"github.com/e0ac7cd4/hotpath/server/rules"
)

// running is the configuration that the server runs with, and what was made of
// it that a reload can change. Its methods are safe for concurrent use.
type running struct {
	source   *source
	handover *handover.Handover
	metrics  *metrics.Hotpath
	log      *slog.Logger
	level    *slog.LevelVar
	journal  *live.Journal
	attempts *rules.Attempts // of the users of sites
	live     liveParts

	why       atomic.Pointer[error]         // why there is no reload now; nil: there may be one
	effective atomic.Pointer[config.Config] // cfg, without mu

	mu     sync.Mutex // a reload holds it from reading to its end: there is one at a time
	cfg    config.Config
	files  uint64 // RLIMIT_NOFILE
	budget descriptors
	sites  *siteSet
	takers takers
}

// takers are what a reload gives something new to.
type takers struct {
	edge         *edge.Edge
	server       *listen.Server
	certificates func(config.Config) error // takes all or none
	conns        func(config.Config) listen.Conns
	http3        func(config.Config) (take, undo func(), err error) // opens its socket if that is needed
	page         func(config.Config) (show func(), err error)       // what the live page shows of it
	memory       func(config.Config, *descriptors)                  // bounds the memory
	traces       func(config.Config)
}

// source is where the configuration is read from: what the process was started
// with, and the file that this names.
type source struct {
	args, environ []string

	mu   sync.Mutex
	name string      // of the file, "" for none
	seen os.FileInfo // the file when it was last read; nil: it was not there
}

// load reads and checks the whole configuration, files that it names included.
func (s *source) load() (config.Config, error) {
	return config.LoadChecked(s.args, s.environ, s.read)
}

// read is [config.ReadFile], and notes what the file was before.
func (s *source) read(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		info = nil // which reading it will say
	}
	s.mu.Lock()
	s.name, s.seen = name, info
	s.mu.Unlock()
	return config.ReadFile(name)
}

// maxReads is how often a file is read that changes while it is read: another one
// in its place is there at the second time, and what is being written in place may
// take longer than a reload may.
const maxReads = 3

// loadWhole is load of a file that is whole, as far as can be told: it does not
// change while it is read, and is not empty, as it is at first if it is written in
// place.
func (s *source) loadWhole() (config.Config, error) {
	var name, problem string
	for range maxReads {
		cfg, err := s.load()
		var seen os.FileInfo
		if name, seen = s.file(); err != nil || name == "" {
			return cfg, err
		}
		switch now, err := os.Stat(name); {
		case err != nil || !alike(now, seen):
			problem = "changes while it is read"
		case now.Size() == 0:
			problem = "is empty"
		default:
			return cfg, nil
		}
	}
	return config.Config{}, config.FileError(name, problem, "a whole file: write another one, and rename it")
}

// newRunning is a configuration that cannot be reloaded before [running.start].
func newRunning(src *source, cfg config.Config, h *handover.Handover, m *metrics.Hotpath, seen *servedSites, log *slog.Logger, level *slog.LevelVar, journal *live.Journal) *running {
	r := &running{source: src, handover: h, cfg: cfg, metrics: m, log: log, level: level, journal: journal, attempts: rules.NewAttempts(m), live: liveParts{served: seen}}
	r.why.Store(&errStarting)
	r.took(cfg)
	return r
}

// start allows reloads.
func (r *running) start(t takers) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.takers = t
	r.why.Store(nil)
}

// drain refuses reloads from here on, those that wait for their turn included, and
// waits for the one that is under way. It returns the configuration in effect, which
// is the last.
func (r *running) drain() config.Config {
	r.why.Store(&errDraining)
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cfg
}

// end ends the sites. There is no reload after it.
func (r *running) end() {
	r.drain()
	r.sites.end(r.log)
}

// settings are the effective ones, in JSON.
func (r *running) settings() []byte { return append(r.effective.Load().AppendJSON(nil), '\n') }

// reload reads the configuration again and takes all of it, or nothing. It returns
// a line for each change; the error has a line for each reason why nothing was
// taken. by names the trigger.
func (r *running) reload(by string) ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	changes, outcome, err := r.attempt()
	r.metrics.Reloads.Add(r.metrics.Stripe(), outcome, 1)
	if err != nil {
		r.metrics.ConfigRefused.Set(time.Now().Unix())
		reasons := strings.Split(err.Error(), "\n")
		more := max(0, len(reasons)-maxListed)
		for _, reason := range reasons[:len(reasons)-more] {
			r.log.Error("not reloaded: what was in use stays", "by", by, "err", reason, "not-logged", more)
		}
		return nil, err
	}
	lines := make([]string, 0, len(changes)+1)
	for _, c := range changes {
		lines = append(lines, c.String())
	}
	text := abridged(lines)
	r.log.Info("reloaded", "by", by, "changes", text)
	r.journal.Note(time.Now(), "reloaded", "by "+by+": "+text)
	return append(lines, fmt.Sprintf("reloaded, settings that changed: %d", len(changes))), nil
}

// attempt is reload without saying so. r.mu is held.
func (r *running) attempt() ([]config.Change, metrics.ReloadOutcome, error) {
	if why := r.why.Load(); why != nil {
		return nil, metrics.ReloadRefused, fmt.Errorf("the server is %w", *why)
	}
	cfg, err := r.source.loadWhole()
	if err != nil {
		return nil, metrics.ReloadInvalid, err
	}
	changes := r.cfg.ChangesTo(cfg)
	if err := cfg.Unchangeable(changes); err != nil {
		return nil, metrics.ReloadRestart, err
	}
	// What can fail comes first, and changes nothing if it does.
	budget, err := r.budget.again(r.files, &r.cfg, cfg)
	if err != nil {
		return nil, metrics.ReloadRestart, err
	}
	sites, err := newSites(cfg, &budget, r.sites, r.attempts, r.log)
	if err != nil {
		return nil, metrics.ReloadInvalid, err
	}
	show, err := r.takers.page(cfg)
	var takeHTTP3, undo func()
	if err == nil {
		takeHTTP3, undo, err = r.takers.http3(cfg)
	}
	if err == nil {
		if err = r.takers.certificates(cfg); err != nil {
			undo()
		}
	}
	if err != nil {
		sites.abandon(r.log)
		return nil, metrics.ReloadInvalid, err
	}
	show()
	sites.begin(r.takers.edge.SetSites, r.log)
	r.takers.server.SetConns(r.takers.conns(cfg))
	takeHTTP3()
	r.takers.memory(cfg, &budget)
	r.takers.traces(cfg)
	r.takers.edge.SetCompressors(cfg.Compressors)
	r.sites, r.cfg, r.budget = sites, cfg, budget
	r.live.served.Store(sites)
	r.took(cfg)
	budget.warn(r.files, &cfg, r.log)
	warnOf(cfg, r.log)
	return changes, metrics.ReloadApplied, nil
}

// upgrade starts the program again, which takes over the listeners; this process
// drains when that one is ready. by names the trigger.
func (r *running) upgrade(by string) error {
	var err error
	if why := r.why.Load(); why != nil {
		err = fmt.Errorf("the server is %w", *why)
	} else { // a reload meanwhile does no harm: the successor reads the same
		r.log.Info("upgrading: starting a successor", "by", by)
		err = r.handover.Upgrade()
	}
	if err != nil {
		r.log.Error("not upgraded", "by", by, "err", err)
		return err
	}
	r.log.Info("upgraded: a successor serves", "by", by)
	return nil
}

// took notes that a configuration is in effect.
func (r *running) took(cfg config.Config) {
	r.effective.Store(&cfg)
	r.level.Set(cfg.LogLevel)
	r.metrics.ConfigLoaded.Set(time.Now().Unix())
	r.metrics.ConfigHash.Set(cfg.Hash())
}

// warnOf logs the settings that do nothing.
func warnOf(cfg config.Config, log *slog.Logger) {
	for _, w := range cfg.Warnings() {
		log.Warn("a setting does nothing", "setting", w.Error())
	}
}

// maxListed is how many changes a line of the log has, and how many reasons the
// log: what a person reads.
const maxListed = 20

// abridged is a text of some lines, or how many more there are.
func abridged(lines []string) string {
	switch more := len(lines) - maxListed; {
	case len(lines) == 0:
		return "none"
	case more > 0:
		return fmt.Sprintf("%s; and %d more", strings.Join(lines[:maxListed], "; "), more)
	}
	return strings.Join(lines, "; ")
}
