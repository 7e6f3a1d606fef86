module example.com/you

go 1.25.0
