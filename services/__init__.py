"""The five services of the platform; none of them imports another."""
