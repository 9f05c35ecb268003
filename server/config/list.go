package config

import (
	"errors"
	"fmt"
	"strings"
)

// many is a value of several parts: sources that can be given more than once,
// and lists of the file, add one after the other.
type many interface {
	value
	reset()
	add(s string) error
}

// list is several values of one kind, in the order in which they were given.
// As one text they have commas between.
type list[T any] struct {
	p     *[]T
	item  func(s string) (T, error) // reads one and returns its normal form
	what  string
	empty string // meaning of no item
	fix   func(s string) []string
}

var errTwice = errors.New("is given twice")

func (v *list[T]) reset() { *v.p = nil }

func (v *list[T]) add(s string) error {
	for part := range strings.SplitSeq(s, ",") {
		one, err := v.item(strings.TrimSpace(part))
		if err != nil {
			return err
		}
		for _, other := range *v.p {
			if fmt.Sprint(other) == fmt.Sprint(one) {
				return errTwice
			}
		}
		*v.p = append(*v.p, one)
	}
	return nil
}

func (v *list[T]) set(s string) error {
	v.reset()
	if s == "" {
		return nil
	}
	return v.add(s)
}

func (v *list[T]) check() error {
	for _, one := range *v.p {
		if _, err := v.item(fmt.Sprint(one)); err != nil {
			return err
		}
	}
	return nil
}

func (v *list[T]) String() string {
	texts := make([]string, len(*v.p))
	for i, one := range *v.p {
		texts[i] = fmt.Sprint(one)
	}
	return strings.Join(texts, ",")
}

func (v *list[T]) allowed() string {
	text := v.what + ", or several"
	if v.empty != "" {
		text += ", or empty (" + v.empty + ")"
	}
	return text
}

func (v *list[T]) candidates(s string) []string {
	if v.fix == nil {
		return nil
	}
	return v.fix(s)
}
