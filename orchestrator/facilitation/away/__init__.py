"""When people cannot: nobody asks why, and nobody is on duty then."""
