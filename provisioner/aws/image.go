package aws

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/aws/template"
)

// imageKept is how long an image's description is used again: many launches at
// once look it up once. A newer image of a family is seen so much later.
const imageKept = time.Minute

type images struct {
	mutex sync.Mutex
	known map[[3]string]keptImage
}

type keptImage struct {
	image types.Image
	at    time.Time
}

// image finds the template's image: the one named, or the newest that fits.
func (r *region) image(ctx context.Context, now time.Time, s template.Spec) (types.Image, error) {
	key := [3]string{s.Image, s.ImageName, s.ImageOwner}
	r.images.mutex.Lock()
	kept, ok := r.images.known[key]
	r.images.mutex.Unlock()
	if ok && now.Sub(kept.at) < imageKept {
		return kept.image, nil
	}
	image, err := r.findImage(ctx, s)
	if err != nil {
		return image, err
	}
	r.images.mutex.Lock()
	defer r.images.mutex.Unlock()
	if r.images.known == nil {
		r.images.known = map[[3]string]keptImage{}
	}
	for old, k := range r.images.known {
		if now.Sub(k.at) >= imageKept {
			delete(r.images.known, old)
		}
	}
	r.images.known[key] = keptImage{image, now}
	return image, nil
}

func (r *region) findImage(ctx context.Context, s template.Spec) (types.Image, error) {
	in, field := &ec2.DescribeImagesInput{Filters: []types.Filter{filter("image-id", s.Image)}}, "image"
	what := "image " + s.Image
	if s.Image == "" {
		in = &ec2.DescribeImagesInput{Owners: []string{s.ImageOwner}, Filters: []types.Filter{
			filter("name", s.ImageName), filter("state", string(types.ImageStateAvailable)),
		}}
		field, what = "image_name", fmt.Sprintf("image named %s of owner %s", s.ImageName, s.ImageOwner)
	}
	var all []types.Image
	pages := ec2.NewDescribeImagesPaginator(r.ec2, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return types.Image{}, err
		}
		all = append(all, page.Images...)
	}
	if len(all) == 0 {
		return types.Image{}, &provisioner.Error{
			Class: provisioner.InvalidTemplate, Op: "find", Subject: what, Field: field,
			Err: fmt.Errorf("there is no such %s in %s, or it is not shared with this account", what, r.name),
		}
	}
	// CreationDate is ISO 8601 in UTC, so that its text sorts as its time does.
	image := slices.MaxFunc(all, func(a, b types.Image) int {
		return strings.Compare(awssdk.ToString(a.CreationDate)+awssdk.ToString(a.ImageId), awssdk.ToString(b.CreationDate)+awssdk.ToString(b.ImageId))
	})
	if image.State != types.ImageStateAvailable {
		return image, &provisioner.Error{
			Class: provisioner.InvalidTemplate, Op: "find", Subject: what, Field: field,
			Err: fmt.Errorf("%s is %s, not available", what, image.State),
		}
	}
	return image, nil
}
