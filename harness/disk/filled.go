package disk

// Filled returns an image of size bytes that are all value. It takes the memory of one chunk, whatever the size. A disk that starts as such
// an image shows what nobody has written: a file system whose files show the value has not kept track of its blocks.
func Filled(size int64, value byte) *Image {
	if value == 0 {
		return &Image{contents: newContents(size)}
	}
	one := new(chunk)
	for i := range one {
		one[i] = value
	}
	c := newContents(size)
	nobody := new(owner) // owns what all slots share, so that every table copies it before a change
	for i := range c.root {
		l := &leaf{owner: nobody}
		for j := range l.slots {
			l.slots[j] = slot{owner: nobody, data: one}
		}
		c.root[i] = l
	}
	return &Image{contents: c}
}
