// tidy: names
