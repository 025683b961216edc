package fakepubsub

// queue is a double-ended queue on a ring that grows by doubling, so every
// operation is O(1). The zero value is empty.
type queue[T any] struct {
	ring []T
	head int
	size int
}

func (q *queue[T]) len() int { return q.size }

// at returns the element i places behind the front.
func (q *queue[T]) at(i int) T { return q.ring[(q.head+i)&(len(q.ring)-1)] }

func (q *queue[T]) pushBack(v T) {
	q.grow()
	q.ring[(q.head+q.size)&(len(q.ring)-1)] = v
	q.size++
}

func (q *queue[T]) pushFront(v T) {
	q.grow()
	q.head = (q.head - 1) & (len(q.ring) - 1)
	q.ring[q.head] = v
	q.size++
}

// popFront must not be called on an empty queue.
func (q *queue[T]) popFront() T {
	var zero T
	v := q.ring[q.head]
	q.ring[q.head] = zero // lets the collector take it
	q.head = (q.head + 1) & (len(q.ring) - 1)
	q.size--
	return v
}

// popBack must not be called on an empty queue.
func (q *queue[T]) popBack() T {
	var zero T
	i := (q.head + q.size - 1) & (len(q.ring) - 1)
	v := q.ring[i]
	q.ring[i] = zero
	q.size--
	return v
}

func (q *queue[T]) grow() {
	if q.size < len(q.ring) {
		return
	}
	ring := make([]T, max(16, 2*len(q.ring)))
	for i := range q.size {
		ring[i] = q.at(i)
	}
	q.ring, q.head = ring, 0
}
