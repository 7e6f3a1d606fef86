module example.com/skeleton_web

go 1.26.0
