package disk

import "sync"

// answerQueue sends answers from a goroutine of its own, so that whoever releases a request never waits for a client. It holds
// no more answers than requests were kept.
type answerQueue struct {
	send func([]byte) error
	// wake has room for one: it says that there is something to look at.
	wake chan struct{}
	done chan struct{}

	mu      sync.Mutex // a leaf; protects what follows
	answers [][]byte
	ended   bool
}

// newAnswerQueue starts a queue; end stops it.
func newAnswerQueue(send func([]byte) error) *answerQueue {
	q := &answerQueue{send: send, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go q.run()
	return q
}

// add appends an answer. It does not wait.
func (q *answerQueue) add(answer []byte) {
	q.mu.Lock()
	q.answers = append(q.answers, answer)
	q.mu.Unlock()
	q.nudge()
}

// end sends what is in the queue and waits until that is done or has failed. Nothing may be added afterwards.
func (q *answerQueue) end() {
	q.mu.Lock()
	q.ended = true
	q.mu.Unlock()
	q.nudge()
	<-q.done
}

func (q *answerQueue) nudge() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *answerQueue) run() {
	defer close(q.done)
	var failed error
	for range q.wake {
		answers, ended := q.take()
		for _, a := range answers {
			// After an error the rest cannot be sent either; the reader meets the same error and ends the connection.
			if failed == nil {
				failed = q.send(a)
			}
		}
		if ended {
			return
		}
	}
}

func (q *answerQueue) take() (answers [][]byte, ended bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	answers, q.answers = q.answers, nil
	return answers, q.ended
}
