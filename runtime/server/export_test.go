package server

// CheckPolicyFile checks the policy file of a server now, and returns what is wrong with it.
func CheckPolicyFile(s *Server) error { return s.pipeline.policyFile.value.Check() }

// PlacesTaken returns how many calls of a method have a place in its concurrency.
func PlacesTaken(s *Server, method string) int { return s.pipeline.lookup(method).slots.InFlight() }

// LocalLimiter is the default rate limiter of servers.
var LocalLimiter RateLimiter = localLimiter{}
