package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// ErrHelp is returned by [Load] where the arguments ask for help: see
// [WriteHelp].
var ErrHelp = errors.New("help requested")

// maxFile bounds the configuration file, in bytes: it has some thirty keys,
// and whatever is larger is another file.
const maxFile = 1 << 20

// foreignEnv are variables with our prefix that are not the server's: the
// tests read them, and a server that a test starts inherits them.
var foreignEnv = map[string]bool{
	"HOTPATH_REQUIRE_TOOLS": true,
}

// setting is one value from one source.
type setting struct {
	key   string
	value string
	where string // the source with the key, as an Error shows it
}

// Load reads the command-line arguments (without the program's name), the
// environment in the form of [os.Environ], and the file that either of them
// names, which it gets from readFile ([ReadFile] outside of tests). The result
// is valid. The error is [ErrHelp] or an [*Error].
func Load(args, environ []string, readFile func(name string) ([]byte, error)) (Config, error) {
	fromArgs, err := parseArgs(args)
	if err != nil {
		return Config{}, err
	}
	fromEnv := parseEnv(environ)
	settings := append(fromEnv, fromArgs...)

	var file setting
	for _, s := range settings {
		if s.key == configKnob {
			file = s
		}
	}
	if file.value != "" {
		data, err := readFile(file.value)
		if err == nil && len(data) > maxFile {
			err = errFileTooLarge
		}
		if err != nil {
			return Config{}, &Error{file.where, configKnob, file.value, fileProblem(err), "a YAML file of at most 1 MiB that can be read"}
		}
		fromFile, err := parseFile(file.value, data)
		if err != nil {
			return Config{}, err
		}
		settings = append(fromFile, settings...)
	}
	return apply(settings)
}

// apply gives each setting its turn; the last one of a knob wins.
func apply(settings []setting) (Config, error) {
	c := Default()
	byName := make(map[string]knob)
	for _, k := range knobs(&c) {
		byName[k.name] = k
	}
	set := make(map[string]string, len(settings))
	for _, s := range settings {
		k, ok := byName[s.key]
		if !ok {
			return Config{}, &Error{s.where, s.key, s.value, "is no setting", suggest(s.key)}
		}
		if err := k.value.set(s.value); err != nil {
			return Config{}, &Error{s.where, s.key, s.value, err.Error(), k.value.allowed()}
		}
		set[s.key] = s.where
	}
	return c, c.validate(set)
}

// parseArgs reads -key value, -key=value and the same with two dashes; a toggle
// is -key or -key=value.
func parseArgs(args []string) ([]setting, error) {
	var settings []setting
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		name, ok := strings.CutPrefix(arg, "-")
		if !ok || name == "" || name == "-" {
			return nil, &Error{"argument", arg, arg, "is not a flag", "-key value or -key=value; -h lists the keys"}
		}
		name = strings.TrimPrefix(name, "-")
		name, value, hasValue := strings.Cut(name, "=")
		where := "flag -" + name
		switch {
		case !hasValue && (name == "h" || name == "help"):
			return nil, ErrHelp
		case !hasValue && isToggle(name):
			value = "true"
		case !hasValue && len(args) == 0:
			return nil, &Error{where, name, "", "has no value", allowedFor(name)}
		case !hasValue:
			value, args = args[0], args[1:]
		}
		settings = append(settings, setting{name, value, where})
	}
	return settings, nil
}

// parseEnv picks the variables that are ours.
func parseEnv(environ []string) []setting {
	var settings []setting
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		rest, ok := strings.CutPrefix(name, envPrefix)
		if !ok || foreignEnv[name] {
			continue
		}
		key := strings.ToLower(strings.ReplaceAll(rest, "_", "-"))
		if strings.ToUpper(rest) != rest || strings.Contains(rest, "-") {
			key = name // not how a variable of ours is written, so no knob's name
		}
		settings = append(settings, setting{key, value, "environment " + name})
	}
	return settings
}

// named is the knob of that name; a knob without a value where there is none.
func named(name string) knob {
	var c Config
	for _, k := range knobs(&c) {
		if k.name == name {
			return k
		}
	}
	return knob{}
}

func isToggle(name string) bool {
	_, ok := named(name).value.(*toggle)
	return ok
}

// allowedFor is what the knob of that name allows, or a hint where there is
// none.
func allowedFor(name string) string {
	if k := named(name); k.value != nil {
		return k.value.allowed()
	}
	return suggest(name)
}

var errFileTooLarge = errors.New("is larger than 1 MiB")

// ReadFile reads a configuration file, and no more of it than a configuration
// file may have: the name could be that of a device without an end.
func ReadFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

// fileProblem words an error from reading a file so that it follows the
// file's name, which the message has already.
func fileProblem(err error) string {
	var pathErr *os.PathError
	if errors.As(err, &pathErr) {
		return fmt.Sprintf("cannot %s: %v", pathErr.Op, pathErr.Err)
	}
	return err.Error()
}
