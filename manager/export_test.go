package manager

// WithClock makes the option withClock available to tests in package manager_test.
var WithClock = withClock
