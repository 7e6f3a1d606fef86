module example.com/skeleton_streams

go 1.25.0
