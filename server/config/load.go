package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/yield"
)

// ErrHelp is returned by [Load] if the arguments ask for help: see [WriteHelp].
var ErrHelp = errors.New("help requested")

// maxFile bounds the configuration file, in bytes: a site has some ten lines,
// so that it is room for a thousand of them; what is larger is another file.
const maxFile = 1 << 20

// foreignEnv are variables with our prefix that are not the server's: the
// tests read them, and a server that a test starts inherits them.
var foreignEnv = map[string]bool{
	"HOTPATH_REQUIRE_TOOLS": true,
}

// source is where a setting comes from. A later one wins.
type source uint8

const (
	fromFile source = iota + 1
	fromEnvironment
	fromFlag
)

// assignment is one value from one source.
type assignment struct {
	key   string
	value string
	where string // the source with the key, as an Error shows it
	from  source
	bad   *Error // it could not be read; then the rest is not used
}

// Load reads the command-line arguments (without the program's name), the
// environment in the form of [os.Environ], and the file that either of them
// names, which it gets from readFile ([ReadFile] outside of tests). The result
// is valid. The error is [ErrHelp], or [Mistakes] with all that is wrong.
func Load(args, environ []string, readFile func(name string) ([]byte, error)) (Config, error) {
	l, err := load(args, environ, readFile)
	if err != nil {
		return Config{}, err
	}
	return l.result(l.mistakes)
}

// LoadChecked is [Load] that looks at the files as well which the settings name:
// certificates and keys must load and belong together, but for single ones of
// cert-dir, a root must be a directory that can be listed, the access log a file
// that can be appended to, and the token's file must hold one. It reports what is
// wrong with settings and with files in one go.
func LoadChecked(args, environ []string, readFile func(name string) ([]byte, error)) (Config, error) {
	l, err := load(args, environ, readFile)
	if err != nil {
		return Config{}, err
	}
	return l.checked()
}

// load has every source take its turn. The error is ErrHelp.
func load(args, environ []string, readFile func(name string) ([]byte, error)) (*loader, error) {
	flags, err := parseArgs(args)
	if err != nil {
		return nil, err
	}
	all := append(parseEnv(environ), flags...)
	l := newLoader()

	var file assignment
	for _, s := range all {
		if s.key == configKey && s.bad == nil {
			file = s
		}
	}
	known := true
	if file.value != "" {
		l.c.where[configKey] = file.where
		data, err := readFile(file.value)
		if err == nil && len(data) > maxFile {
			err = errFileTooLarge
		}
		if err != nil {
			l.mistake(&Error{file.where, configKey, file.value, fileProblem(err), "a YAML file of at most 1 MiB that can be read"})
			known = false
		} else {
			known = l.file(file.value, data)
		}
	}
	for _, s := range all {
		l.take(s)
	}
	l.end(known)
	return l, nil
}

// loader is a Config in the making.
type loader struct {
	c        Config
	settings map[string]setting // bound to c
	from     map[string]source  // of the value that each setting has
	wrong    map[string]bool    // settings with a value that is not allowed, from any source
	mistakes Mistakes
}

func newLoader() *loader {
	l := &loader{c: Default(), settings: make(map[string]setting), from: make(map[string]source), wrong: make(map[string]bool)}
	l.c.where = make(map[string]string)
	l.c.Sites = nil
	for _, k := range settings(&l.c) {
		l.settings[k.name] = k
	}
	return l
}

func (l *loader) mistake(e *Error) { l.mistakes = append(l.mistakes, e) }

// take gives an assignment its turn: it wins over those before it. What has several
// parts is added to what the same source has given.
func (l *loader) take(s assignment) {
	if s.bad != nil {
		l.wrong[s.key] = true
		l.mistake(s.bad)
		return
	}
	k, ok := l.settings[s.key]
	if !ok {
		allowed := suggestKey(s.key)
		if s.from == fromFlag {
			allowed = suggestFlag(s.key)
		}
		l.mistake(&Error{s.where, s.key, s.value, "is no setting", allowed})
		return
	}
	set := k.value.set
	if several, ok := k.value.(many); ok && l.from[s.key] == s.from && s.from != fromEnvironment {
		set = several.add
	}
	if err := set(s.value); err != nil {
		l.wrong[s.key] = true
		l.mistake(&Error{s.where, s.key, showable(s.value, err), err.Error(), meant(k.value.allowed(), remedy(named(s.key).value, s.value, err))})
	}
	l.from[s.key] = s.from
	l.c.where[s.key] = s.where
}

// end checks what goes together. known is whether the file was understood: if not,
// the settings that nothing else gives may be in it, and are anything but their
// defaults.
func (l *loader) end(known bool) {
	if len(l.c.Sites) == 0 {
		l.c.Sites = []Site{l.c.flagSite()}
	}
	for name := range l.settings {
		if !known && l.from[name] == 0 {
			l.wrong[name] = true
		}
	}
	l.mistakes = append(l.mistakes, l.c.validate(l.wrong)...)
}

// checked is the result, once the files are looked at.
func (l *loader) checked() (Config, error) {
	return l.result(append(l.mistakes, l.c.checkFiles(l.wrong)...))
}

// result is the Config, unless there are mistakes.
func (l *loader) result(all Mistakes) (Config, error) {
	if len(all) > 0 {
		return Config{}, all
	}
	for i := range l.c.Sites {
		yield.InLoop()
		l.c.Sites[i].sum = l.c.Sites[i].summed()
	}
	return l.c, nil
}

// parseArgs reads -key value, -key=value and the same with two dashes; a toggle
// is -key or -key=value. The error is ErrHelp.
func parseArgs(args []string) ([]assignment, error) {
	var all []assignment
	bad := func(where, key, value, problem, allowed string) {
		all = append(all, assignment{key: key, bad: &Error{where, key, value, problem, allowed}})
	}
	toggled := "" // the toggle that was the argument before
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		before := toggled
		toggled = ""
		name, ok := flagName(arg)
		if !ok {
			allowed := "-key value or -key=value; -h lists the keys"
			if before != "" {
				allowed = meant(allowed, "-"+before+"="+arg)
			}
			bad("argument", "", arg, "is not a flag", allowed)
			continue
		}
		name, value, hasValue := strings.Cut(name, "=")
		where := "flag -" + name
		known := named(name).value != nil
		switch {
		case !hasValue && (name == "h" || name == "help"):
			return nil, ErrHelp
		case !hasValue && IsToggle(name):
			value, toggled = "true", name
		case !hasValue && isCommand(name):
			bad(where, name, "", "is no setting", suggestFlag(name))
			continue
		case !hasValue && (len(args) == 0 || isFlag(args[0], known)):
			bad(where, name, "", "has no value", allowedFor(name))
			continue
		case !hasValue:
			value, args = args[0], args[1:]
		}
		all = append(all, assignment{name, value, where, fromFlag, nil})
	}
	return all, nil
}

// flagName takes the dashes from a flag.
func flagName(arg string) (name string, ok bool) {
	name, ok = strings.CutPrefix(arg, "-")
	if !ok || name == "" || name == "-" {
		return "", false
	}
	return strings.TrimPrefix(name, "-"), true
}

// isFlag reports whether an argument is the next flag rather than the value of
// the one before it: the value of a known one may begin with a dash, if it is
// not a flag itself.
func isFlag(arg string, afterKnown bool) bool {
	name, ok := flagName(arg)
	if !ok {
		return false
	}
	name, _, _ = strings.Cut(name, "=")
	return !afterKnown || named(name).value != nil
}

// parseEnv picks the variables that are ours.
func parseEnv(environ []string) []assignment {
	var all []assignment
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		rest, ok := strings.CutPrefix(name, envPrefix)
		if !ok || foreignEnv[name] {
			continue
		}
		key := strings.ToLower(strings.ReplaceAll(rest, "_", "-"))
		if strings.ToUpper(rest) != rest || strings.Contains(rest, "-") {
			key = name // not how a variable of ours is written, so no setting's name
		}
		all = append(all, assignment{key, value, "environment " + name, fromEnvironment, nil})
	}
	return all
}

// named is the setting of that name, bound to a Config of its own; a setting without
// a value if there is none.
func named(name string) setting { return new(Config).setting(name) }

// setting is the one of that name, bound to c; one without a value if there is none.
func (c *Config) setting(name string) setting {
	for _, k := range settings(c) {
		if k.name == name {
			return k
		}
	}
	return setting{}
}

// IsToggle reports whether a setting is true without a value.
func IsToggle(name string) bool {
	_, ok := named(name).value.(*toggle)
	return ok
}

// allowedFor is what the setting of that name allows, or a hint if there is none.
func allowedFor(name string) string {
	if k := named(name); k.value != nil {
		return k.value.allowed()
	}
	return suggestKey(name)
}

var (
	errFileTooLarge = errors.New("is larger than 1 MiB")
	errNotRegular   = errors.New("is not a regular file")
)

// ordinary reports, as what is wrong with it, that a file is none to be read: a
// named pipe would wait for a writer, and a device may have no end.
func ordinary(name string) error {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return errors.New("is a directory")
	case !info.Mode().IsRegular():
		return errNotRegular
	}
	return nil
}

// ReadFile reads a configuration file, if it is a regular one, and no more of it
// than a configuration file may have.
func ReadFile(name string) ([]byte, error) {
	if err := ordinary(name); err != nil {
		return nil, err
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

// FileError is an [*Error] about the configuration file itself.
func FileError(name, problem, allowed string) error {
	return &Error{configKey, configKey, name, problem, allowed}
}

// fileProblem words an error from reading a file so that it follows the
// file's name, which the message has already.
func fileProblem(err error) string {
	var pathErr *os.PathError
	if errors.As(err, &pathErr) {
		op := pathErr.Op
		if op == "stat" { // it is looked at before it is opened: one word for both
			op = "open"
		}
		return fmt.Sprintf("cannot %s: %v", op, pathErr.Err)
	}
	return err.Error()
}
