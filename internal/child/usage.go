package child

import "time"

// Usage is the resources that processes have used since they started.
type Usage struct {
	CPU    time.Duration // user and system time, in steps of 10 ms
	Memory int64         // resident set now, in bytes
}
