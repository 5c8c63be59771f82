"""Reading, writing, converting, extracting, previewing and cutting videos."""
