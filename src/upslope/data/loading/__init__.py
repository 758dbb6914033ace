"""What every data set uses: fetching, reading, drawing and showing."""
