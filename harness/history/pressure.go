package history

// MemoryPressure is the name of the note that tells what the memory cgroup of the program's tasks has counted: N is how many pages
// reclaim took from it, and Text has the rest of it for people. A program whose power is cut leaves one for each life.
const MemoryPressure = "memory-pressure"
