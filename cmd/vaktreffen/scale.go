package main

import (
	"iter"

	"github.com/vaktreffen/vaktreffen/db/programme"
)

func scaleFiles(int) iter.Seq[*programme.File] { return func(func(*programme.File) bool) {} }
