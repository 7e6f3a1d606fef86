module example.com/skeleton_permission

go 1.25.0
