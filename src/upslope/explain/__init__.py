"""Explaining what a network answers for a picture: Grad-CAM, integrated gradients, occlusion, attention rollout."""
