package main

import (
	"github.com/im7mortal/kmutex"

	fixed "example.invalid/im7mortal/kmutex-1.0.2"
)

var (
	_ = onKeyedMutex("kmutex-5", "im7mortal/kmutex v1.0.1 locks the id of a session", func() keyedMutex { return kmutex.New() })
	_ = onKeyedMutex("kmutex-5-fixed", "im7mortal/kmutex v1.0.2 locks the id of a session", func() keyedMutex { return fixed.New() })
)
