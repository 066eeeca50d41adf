package main

// sieve sends every prime below the limit, each found by a goroutine of its own.
func sieve(limit int) []int {
	numbers := make(chan int)
	go func(out chan<- int) {
		for n := 2; n < limit; n++ {
			out <- n
		}
		close(out)
	}(numbers)
	var primes []int
	for {
		prime, more := <-numbers
		if !more {
			return primes
		}
		primes = append(primes, prime)
		rest := make(chan int)
		go func(in <-chan int, out chan<- int) {
			for n := range in {
				if n%prime != 0 {
					out <- n
				}
			}
			close(out)
		}(numbers, rest)
		numbers = rest
	}
}
