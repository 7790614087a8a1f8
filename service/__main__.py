"""`python -m service` is `coursebell`."""

from service.cli import main

if __name__ == "__main__":
    main(prog_name="coursebell")
