package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/suggest"
)

// parse reads the flags of a command and reports all that is wrong with them:
// flag.ErrHelp, or a line for each mistake. Arguments that are no flags are
// mistakes, and rest says which are allowed.
func parse(f *flag.FlagSet, args []string, rest string) error {
	var mistakes []error
	stray := true // the next argument that is no flag is a mistake of its own
	for len(args) > 0 {
		err := f.Parse(args)
		args = f.Args() // behind the mistake, or from an argument that is no flag
		switch {
		case errors.Is(err, flag.ErrHelp):
			return err
		case err != nil:
			mistakes = append(mistakes, explain(f, err))
			// The value of an unknown flag is not a second mistake.
			stray = !strings.HasPrefix(err.Error(), undefined)
			if len(args) > 0 && strings.HasPrefix(args[0], "-") {
				stray = true
			}
		case len(args) > 0:
			if stray {
				mistakes = append(mistakes, fmt.Errorf("unexpected argument %q: %s", args[0], rest))
			}
			args, stray = args[1:], true
		}
	}
	return errors.Join(mistakes...)
}

// undefined begins the error of package flag for a flag that does not exist.
const undefined = "flag provided but not defined: -"

// explain adds to an error of package flag what is allowed.
func explain(f *flag.FlagSet, err error) error {
	text := err.Error()
	if name, ok := strings.CutPrefix(text, undefined); ok {
		var names []string
		f.VisitAll(func(def *flag.Flag) { names = append(names, def.Name) })
		return fmt.Errorf("there is no flag -%s: -h lists the flags%s", name, meant("-", suggest.Nearest(name, names)))
	}
	const opaque = ": parse error"
	if text, ok := strings.CutSuffix(text, opaque); ok {
		if strings.HasPrefix(text, "invalid boolean value ") {
			return fmt.Errorf("%s: allowed are true, false and nothing, which is true", text)
		}
		return fmt.Errorf("%s: allowed is a number", text)
	}
	return err
}

// meant is " (did you mean …?)", or "" without a likely form.
func meant(before, likely string) string {
	if likely == "" {
		return ""
	}
	return " (did you mean " + before + likely + "?)"
}

// span is a length of time, as a flag.
type span struct{ p *time.Duration }

// duration defines a flag of a length of time.
func duration(f *flag.FlagSet, p *time.Duration, name string, value time.Duration, usage string) {
	*p = value
	f.Var(span{p}, name, usage)
}

func (s span) String() string {
	if s.p == nil {
		return "0s"
	}
	return s.p.String()
}

func (s span) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil {
		likely := suggest.Duration(text, "s")
		if _, err := time.ParseDuration(likely); err != nil {
			likely = ""
		}
		return fmt.Errorf("allowed is a duration such as 500ms, 30s or 2m%s", meant("", likely))
	}
	*s.p = d
	return nil
}

// lines writes an error as the program reports it: each of its lines begins
// with the program's name.
func lines(w *os.File, err error) {
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintln(w, "loadgen:", line)
	}
}
