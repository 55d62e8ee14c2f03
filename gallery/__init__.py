"""The artwork: epochs, generations, pictures, their pages and their controls."""
