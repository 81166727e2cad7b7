package sample

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sort"
	"strings"
	"sync"
)

// ErrEmpty is returned when there is nothing to take.
var ErrEmpty = errors.New("stack is empty")

// Stack is a last-in, first-out list of numbers.
type Stack struct {
	mu    sync.Mutex
	items []int
}

// Push puts a number on top.
func (s *Stack) Push(item int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items = append(s.items, item)
}

// Pop takes the number on top.
func (s *Stack) Pop() (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.items) == 0 {
		return 0, ErrEmpty
	}
	item := s.items[len(s.items)-1]
	s.items = s.items[:len(s.items)-1]
	return item, nil
}

// CountWords counts how often each word stands in a file.
func CountWords(path string) (map[string]int, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	defer file.Close()
	counts := make(map[string]int)
	scanner := bufio.NewScanner(file)
	for scanner.Scan() {
		for _, word := range strings.Fields(scanner.Text()) {
			counts[strings.ToLower(word)]++
		}
	}
	return counts, scanner.Err()
}

// Keys returns the keys of a map in order.
func Keys(counts map[string]int) []string {
	keys := make([]string, 0, len(counts))
	for key := range counts {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

// Search finds the place of a number in a sorted slice, or -1.
func Search(numbers []int, wanted int) int {
	low, high := 0, len(numbers)-1
	for low <= high {
		middle := low + (high-low)/2
		switch {
		case numbers[middle] == wanted:
			return middle
		case numbers[middle] < wanted:
			low = middle + 1
		default:
			high = middle - 1
		}
	}
	return -1
}

// Health answers that the service is up.
func Health(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintln(w, `{"status": "ok"}`)
}
