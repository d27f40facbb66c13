// Package lane draws a history as swim lanes, in SVG that stands in a page: a lane a task, one for the disk and one for the kernel's log, on
// one time axis.
//
// There are two pictures. The overview has time to scale, from left to right: where the time went, what overlapped. The ladder has a
// row an event, from top to bottom, with the event's text beside it:
//
//	   time   main  writer  disk
//	36.041ms         █             direct-write f 0 64k n
//	37.835ms         █      ▒      write #1718 [0x18000, 0x28000) held
//	49.298ms   █     █      ▒      store f 0 64k e ⇒ 64k
//	88.174ms         █      █      write #1718 released
//	91.374ms         █             ⇒ 64k
//
// What comes in swarms (folios one by one, requests that were answered at once) is one row; Picture.Folded says how many events that hides.
// The colours are the page's: classes, which its style sheet fills.
package lane
